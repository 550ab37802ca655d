"""`python -m temwatch` is the same as the `temwatch` command."""

from temwatch.cli.main import main

if __name__ == "__main__":
    main()
