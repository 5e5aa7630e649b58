"""Metaflow's doors to mftctl: `python flow.py temporal …` and `Deployer(…).temporal()`."""

import sys

CLIS_DESC = [("temporal", ".temporal.commands.cli")]
DEPLOYER_IMPL_PROVIDERS_DESC = [("temporal", ".temporal.deployer.TemporalDeployer")]

if "develop" in sys.argv:
    # `metaflow develop stubs` looks at the modules that an extension promotes. Only there, because each later import
    # asks a promoting extension first: a fifth of what mftctl costs `import metaflow`.
    __mf_promote_submodules__ = ["mfextinit_temporal"]
    _addl_stubgen_modules = [
        "metaflow_extensions.temporal.plugins.temporal.deployer",
        "metaflow_extensions.temporal.plugins.temporal.deployed",
        "metaflow_extensions.temporal.plugins.temporal.triggered",
    ]
