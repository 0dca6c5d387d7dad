"""The statistics of a sweep: functions of scores, without a database."""
