"""``make bench``: measurements as one JSON document on standard output; progress on standard error.

This file stays light: worker processes load the main module of the process they work for.
"""

if __name__ == "__main__":
    from dreams_and_import import main

    main()
