"""Speed of fastnn against its rivals: cases as data, one file and one process per rival."""
