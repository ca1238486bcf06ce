"""Accounts, Apps, installations, teams."""

from __future__ import annotations

import base64

from mlops_actions.core.types import Json
from mlops_sandbox.github.accounts import App, Installation, Team, User
from mlops_sandbox.github.serializers.links import Links
from mlops_sandbox.timestamps import timestamp


def node_id(kind: str, number: int) -> str:
    """Return an opaque GraphQL name, as every object has one."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def user(account: User, links: Links) -> Json:
    """Return a `SimpleUser`."""
    api = links.api("users", account.login)
    page = f"apps/{account.login.removesuffix('[bot]')}" if account.is_bot else account.login
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("User", account.id),
        "avatar_url": links.web("avatars", "u", account.id),
        "gravatar_id": "",
        "url": api,
        "html_url": links.web(page),
        "followers_url": f"{api}/followers",
        "following_url": f"{api}/following{{/other_user}}",
        "gists_url": f"{api}/gists{{/gist_id}}",
        "starred_url": f"{api}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{api}/subscriptions",
        "organizations_url": f"{api}/orgs",
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events{{/privacy}}",
        "received_events_url": f"{api}/received_events",
        "type": account.kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def public_user(account: User, links: Links) -> Json:
    """Return a `PublicUser`, the answer of `GET /users/{login}` and `GET /user`."""
    return user(account, links) | {
        "name": account.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
    }


def organization(account: User, links: Links) -> Json:
    """Return an organisation as webhooks carry it."""
    api = links.api("orgs", account.login)
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("Organization", account.id),
        "url": api,
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events",
        "hooks_url": f"{api}/hooks",
        "issues_url": f"{api}/issues",
        "members_url": f"{api}/members{{/member}}",
        "public_members_url": f"{api}/public_members{{/member}}",
        "avatar_url": links.web("avatars", "u", account.id),
        "description": account.name or "",
    }


def app(application: App, links: Links) -> Json:
    """Return an `Integration`."""
    return {
        "id": application.id,
        "slug": application.slug,
        "node_id": node_id("App", application.id),
        "owner": user(application.owner, links),
        "name": application.name,
        "description": "",
        "external_url": links.web("apps", application.slug),
        "html_url": links.web("apps", application.slug),
        "created_at": timestamp(application.created_at),
        "updated_at": timestamp(application.created_at),
        "permissions": {"metadata": "read", **application.permissions},
        "events": [],
    }


def installation(item: Installation, links: Links) -> Json:
    """Return an `Installation`."""
    return {
        "id": item.id,
        "account": user(item.account, links),
        "repository_selection": "all" if item.repositories is None else "selected",
        "access_tokens_url": links.api("app", "installations", item.id, "access_tokens"),
        "repositories_url": links.api("installation", "repositories"),
        "html_url": links.web("settings", "installations", item.id),
        "app_id": item.app.id,
        "app_slug": item.app.slug,
        "target_id": item.account.id,
        "target_type": item.account.kind,
        "permissions": {"metadata": "read", **item.app.permissions},
        "events": [],
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user(item.account, links) if item.suspended_at else None,
        "suspended_at": timestamp(item.suspended_at) if item.suspended_at else None,
    }


def membership(team: Team, account: User, role: str, state: str, links: Links) -> Json:
    """Return a `TeamMembership`."""
    return {
        "state": state,
        "role": role,
        "url": links.api("orgs", team.organization.login, "teams", team.slug, "memberships", account.login),
    }


def team(item: Team, links: Links) -> Json:
    """Return a `TeamFull`."""
    api = links.api("organizations", item.organization.id, "team", item.id)
    return {
        "id": item.id,
        "node_id": node_id("Team", item.id),
        "url": api,
        "html_url": links.web("orgs", item.organization.login, "teams", item.slug),
        "name": item.slug,
        "slug": item.slug,
        "description": None,
        "privacy": "closed",
        "permission": "pull",
        "type": "organization",
        "members_url": f"{api}/members{{/member}}",
        "repositories_url": f"{api}/repos",
        "parent": None,
        "members_count": len(item.members),
        "repos_count": 0,
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
        "organization": organization(item.organization, links)
        | {
            "html_url": links.web(item.organization.login),
            "has_organization_projects": True,
            "has_repository_projects": True,
            "public_repos": 0,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "archived_at": None,
            "type": "Organization",
        },
    }
