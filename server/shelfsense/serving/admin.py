"""The rpcs of `shelfsense.v1.Admin`: change and describe what is served. Handlers raise; `calls` translates."""

from __future__ import annotations

import time
from pathlib import Path

import grpc

from shelfsense.errors import InvalidQuery
from shelfsense.serving.bundle_changes import BundleChanges
from shelfsense.serving.bundle_metrics import BundleFigures
from shelfsense.serving.calls import Calls
from shelfsense.serving.trial import Role
from shelfsense.v1 import query_understanding_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["Admin"].full_name

_DEFAULT_SHARE = 0.01
_ROLES = {
    pb.BUNDLE_ROLE_UNSPECIFIED: None,
    pb.BUNDLE_ROLE_SERVING: None,
    pb.BUNDLE_ROLE_CANARY: Role.CANARY,
    pb.BUNDLE_ROLE_SHADOW: Role.SHADOW,
}
_NAMES = {"serving": pb.BUNDLE_ROLE_SERVING, "canary": pb.BUNDLE_ROLE_CANARY, "shadow": pb.BUNDLE_ROLE_SHADOW}


class AdminService:
    """Answers the calls of an operator.

    Args:
        changes: changes what is served.
        bundle: the folder the server was started with.
    """

    def __init__(self, changes: BundleChanges, bundle: Path) -> None:
        self._changes = changes
        self._bundle = bundle

    def handlers(self, calls: Calls) -> grpc.GenericRpcHandler:
        """Return the service's handlers, to be added to a server."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "LoadBundle": calls.unary("LoadBundle", pb.LoadBundleRequest, self.load_bundle),
                "EndTrial": calls.unary("EndTrial", pb.EndTrialRequest, self.end_trial),
                "DescribeBundles": calls.unary("DescribeBundles", pb.DescribeBundlesRequest, self.describe_bundles),
            },
        )

    async def load_bundle(self, request: pb.LoadBundleRequest, expires: float) -> bytes:  # noqa: ARG002
        """Load a bundle and let it take its place; loading goes on where the caller stops waiting."""
        began = time.perf_counter()
        role, share = _role(request), _share(request)
        swap = await self._changes.load(Path(request.path) if request.path else self._bundle, role, share)
        return pb.LoadBundleResponse(
            bundle_version=swap.version,
            previous_bundle_version=swap.previous,
            load_us=round((time.perf_counter() - began) * 1e6),
        ).SerializeToString()

    async def end_trial(self, request: pb.EndTrialRequest, expires: float) -> bytes:  # noqa: ARG002
        """End the trial of a second bundle."""
        version = await self._changes.end_trial(promote=request.promote)
        return pb.EndTrialResponse(bundle_version=version).SerializeToString()

    async def describe_bundles(self, request: pb.DescribeBundlesRequest, expires: float) -> bytes:  # noqa: ARG002
        """Tell what is loaded."""
        found = await self._changes.describe()
        return pb.DescribeBundlesResponse(bundles=[_message(each) for each in found]).SerializeToString()


def _role(request: pb.LoadBundleRequest) -> Role | None:
    if request.role not in _ROLES:
        raise InvalidQuery("role", f"is {request.role}, which is no role; see BundleRole in the contract")
    return _ROLES[request.role]


def _share(request: pb.LoadBundleRequest) -> float:
    if not request.HasField("share"):
        return _DEFAULT_SHARE
    if _role(request) is None:
        raise InvalidQuery("share", "is set for a bundle that is to serve; leave it out, or name the role of a trial")
    if not 0 < request.share <= 1:  # also what is no number
        raise InvalidQuery("share", f"is {request.share:g}; send more than 0, 1 at most")
    return float(request.share)


def _message(figures: BundleFigures) -> pb.LoadedBundle:
    return pb.LoadedBundle(
        bundle_version=figures.version,
        role=_NAMES[figures.role],
        share=figures.share,
        queries=figures.queries,
        compared=figures.compared,
        other_first_type=figures.other_first_type,
        other_accepted_types=figures.other_accepted_types,
        other_reformulation=figures.other_reformulation,
    )
