"""What happened in a wallet in some days, to read and to print."""
