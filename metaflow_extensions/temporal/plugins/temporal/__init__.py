"""The command group and the Deployer. Metaflow imports these modules with itself, also where mftctl is not installed
(a code package brings them to any machine), so they import mftctl only when they are used.
"""
