"""Test cases of each activation, layer, loss, optimizer, schedule and metric.

One file a kind. The tests go over what fastnn exports: a member without an entry is made with its
defaults where that can be done, and what cannot be guessed fails with the name of the file to add.
No file here imports fastnn or torch: tests and the scripts of goldens/ hand their library in.
"""
