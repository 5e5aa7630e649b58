"""Metaflow's doors to mftctl: `python flow.py temporal …` and `Deployer(…).temporal()`."""

CLIS_DESC = [("temporal", ".temporal.commands.cli")]
DEPLOYER_IMPL_PROVIDERS_DESC = [("temporal", ".temporal.deployer.TemporalDeployer")]
