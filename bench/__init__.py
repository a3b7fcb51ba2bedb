"""Benchmarks of fastnn and other libraries: cases are data, each rival is a file and a process."""
