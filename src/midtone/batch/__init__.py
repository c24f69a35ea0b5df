"""Many photographs: which are meant, where results go, one after the other or in parallel."""
