"""The file that is run only starts a flow class that lives in another module."""

from helpers.whole_flow import WholeFlow

if __name__ == "__main__":
    WholeFlow()
