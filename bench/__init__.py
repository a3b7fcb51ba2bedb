"""Speed of fastnn against its rivals: cases as data, one file per rival, each in its own process."""
