"""Arrays in, arrays out: the numerical kernels. Nothing here knows of AnnData, pandas or matplotlib."""
