"""Stand-ins of who signs in without a stored key: GitHub's identity tokens, AWS, Azure.

AWS is STS, EKS and an instance's metadata; Azure is Entra and the Resource Manager. Each of them checks what the real one
checks: the signature of a token or of a request, who it is for, who it is about, and when it expires. A cluster of the
sandbox accepts their tokens by `Access.authenticators`.
"""

from mlops_sandbox.identity.aws import Aws, AwsCluster
from mlops_sandbox.identity.aws_instance import InstanceMetadata
from mlops_sandbox.identity.azure import Azure, FederatedCredential
from mlops_sandbox.identity.github import Issuer

__all__ = ["Aws", "AwsCluster", "Azure", "FederatedCredential", "InstanceMetadata", "Issuer"]
