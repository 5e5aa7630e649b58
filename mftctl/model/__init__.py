"""What all packages share: the Manifest, tasks, ids, errors. Standard library only, Python 3.9."""
