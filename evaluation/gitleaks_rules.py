"""Writes the rules of gitleaks that redaction uses: ``python evaluation/gitleaks_rules.py CONFIG COMMIT``.

Reads ``config/gitleaks.toml`` of github.com/gitleaks/gitleaks and writes ``gitleaks.toml``. Left out are rules
for files, for names that are public (client ids, publishable keys), and the general ones, for which redaction has its
own; of the expressions, the beginning that only lengthens a match and the ending that asks for a quote or blank.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "src/reverie/sessions/redaction/gitleaks.toml"
LEFT_OUT = re.compile(
    r"client-id|access-id|user-api-id|pub(?:lic)?-key|pub-api-key|^generic|^curl|^jwt|^private-key|browser|^nuget|^kubernetes"
    # Any git hash near the name.
    r"|^sourcegraph"
)
LEAD = re.compile(r"^(?:\[\\w\.-\]\{0,50\}\?)?(\(\?i:|\(\?i\))\[\\w\.-\]\{0,50\}\?")
END = r"""(?:[\x60'"\s;]|\\[nr]|$)"""
ASSIGNED = r"(?:=|>|:{1,3}=|"
KINDS = {"aws-access-token": "AWS_KEY", "gcp-api-key": "GOOGLE_KEY", "vault-batch-token": "VAULT_TOKEN"}
VENDORS = {"SLACK": "SLACK_TOKEN", "GITHUB": "GITHUB_TOKEN", "GITLAB": "GITLAB_TOKEN", "STRIPE": "STRIPE_KEY"}
VENDORS |= {"ANTHROPIC": "ANTHROPIC_KEY", "OPENAI": "OPENAI_KEY", "HUGGINGFACE": "HUGGINGFACE_TOKEN"}
VENDORS |= {"TWILIO": "TWILIO_KEY", "SENDGRID": "SENDGRID_KEY", "MAILCHIMP": "MAILCHIMP_KEY", "SQUARE": "SQUARE_TOKEN"}
VENDORS |= {"PYPI": "PYPI_TOKEN", "NPM": "NPM_TOKEN", "TELEGRAM": "TELEGRAM_TOKEN", "SHOPIFY": "SHOPIFY_TOKEN"}
VENDORS |= {"DIGITALOCEAN": "DIGITALOCEAN_TOKEN", "PLANETSCALE": "PLANETSCALE_TOKEN", "VAULT": "VAULT_TOKEN"}
VENDORS |= {"SENTRY": "SENTRY_TOKEN", "GRAFANA": "GRAFANA_TOKEN", "NEW_RELIC": "NEW_RELIC_KEY", "AGE": "AGE_KEY"}
VENDORS |= {"ATLASSIAN": "ATLASSIAN_TOKEN", "DOPPLER": "DOPPLER_TOKEN", "DATABRICKS": "DATABRICKS_TOKEN"}
VENDORS |= {"LINEAR": "LINEAR_KEY", "NOTION": "NOTION_TOKEN", "PERPLEXITY": "PERPLEXITY_KEY", "COHERE": "COHERE_KEY"}
VENDORS |= {
    "DATADOG": "DATADOG_KEY",
    "PULUMI": "PULUMI_TOKEN",
    "RUBYGEMS": "RUBYGEMS_TOKEN",
    "HASHICORP": "TERRAFORM_TOKEN",
}
VENDORS |= {"AZURE": "AZURE_CLIENT_SECRET", "AWS_AMAZON_BEDROCK": "BEDROCK_KEY", "MICROSOFT_TEAMS": "TEAMS_WEBHOOK"}
VENDORS |= {
    "DISCORD": "DISCORD_TOKEN",
    "BITBUCKET": "BITBUCKET_TOKEN",
    "POSTMAN": "POSTMAN_KEY",
    "SENDINBLUE": "BREVO_KEY",
}


def kind(rule: str) -> str:
    """The name of a placeholder for a rule's id: capitals and underscores."""
    name = re.sub(r"\d", "", rule.replace("1password", "onepassword")).replace("-", "_").upper().strip("_")
    vendor = next((vendor for vendor in VENDORS if name.startswith(f"{vendor}_")), None)
    if "webhook" in rule:
        return "TEAMS_WEBHOOK" if "teams" in rule else "SLACK_WEBHOOK"
    return KINDS.get(rule) or (
        VENDORS[vendor] if vendor else re.sub(r"(?:_API|_ACCESS|_PERSONNAL)+(?=_KEY|_TOKEN|_SECRET)|_V$", "", name)
    )


def entry(rule: dict[str, Any]) -> str:
    """One rule as a table of TOML."""
    regex = LEAD.sub(r"\1", rule["regex"]).removesuffix(END).replace(END, "")
    keywords = [word for word in rule["keywords"] if len(word) > 2] or [rule["id"].split("-")[0]]
    lines = ["[[rules]]", f'id = "{rule["id"]}"', f'kind = "{kind(rule["id"])}"', f"regex = '''{regex}'''"]
    lines.append(f"keywords = {json.dumps(keywords)}")
    lines += [f"entropy = {float(rule['entropy'])}"] if rule.get("entropy") else []
    lines += ["assigned = true"] if ASSIGNED in regex else []
    return "\n".join(lines)


def main(config: str, commit: str) -> None:
    rules = tomllib.loads(Path(config).read_text())["rules"]
    kept = [rule for rule in rules if "regex" in rule and not LEFT_OUT.search(rule["id"])]
    head = (
        f"# Rules of gitleaks, https://github.com/gitleaks/gitleaks, config/gitleaks.toml at {commit}.\n"
        "# Copyright (c) 2019 Zachary Rice, MIT License: see gitleaks.LICENSE.\n"
        "# Written by evaluation/gitleaks_rules.py, which says what is left out; do not edit.\n"
    )
    DATA.write_text("\n\n".join([head, *map(entry, kept)]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
