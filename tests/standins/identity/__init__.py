"""The stand-ins of GitHub's issuer, AWS and Azure refuse what the real ones refuse."""
