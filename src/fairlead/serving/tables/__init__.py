"""Tables that callers send and want: CSV, Parquet and Arrow, in a process of their own.

Libraries that read such files trust them: what a hostile one claims may exhaust the memory, or
end the process, and no check of ours before it could rule that out. So a child reads and writes
them, with bounded memory and time, and a worker that loses it starts another.
"""
