"""Metaflow's doors to mftctl: `python flow.py temporal …` and `Deployer(…).temporal()`."""

CLIS_DESC = [("temporal", ".temporal.commands.cli")]
DEPLOYER_IMPL_PROVIDERS_DESC = [("temporal", ".temporal.deployer.TemporalDeployer")]

# For `metaflow develop stubs install`, which looks at the modules that an extension promotes.
__mf_promote_submodules__ = ["mfextinit_temporal"]
_addl_stubgen_modules = [
    "metaflow_extensions.temporal.plugins.temporal.deployer",
    "metaflow_extensions.temporal.plugins.temporal.deployed",
    "metaflow_extensions.temporal.plugins.temporal.triggered",
]
