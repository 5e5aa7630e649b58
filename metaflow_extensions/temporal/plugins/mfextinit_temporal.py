"""Registers mftctl with Metaflow: `python flow.py temporal …` and `Deployer(…).temporal()`."""

import sys

CLIS_DESC = [("temporal", ".temporal.command_group.cli")]
STEP_DECORATORS_DESC = [("temporal", ".temporal.step_decorator.TemporalDecorator")]
DEPLOYER_IMPL_PROVIDERS_DESC = [("temporal", ".temporal.deployer.TemporalDeployer")]

if "develop" in sys.argv:
    # `metaflow develop stubs` reads the modules that an extension promotes. Promotion slows down each later import: it
    # is a fifth of what mftctl adds to `import metaflow`.
    __mf_promote_submodules__ = ["mfextinit_temporal"]
    _addl_stubgen_modules = [
        "metaflow_extensions.temporal.plugins.temporal.deployer",
        "metaflow_extensions.temporal.plugins.temporal.deployed_flow",
        "metaflow_extensions.temporal.plugins.temporal.triggered_run",
    ]
