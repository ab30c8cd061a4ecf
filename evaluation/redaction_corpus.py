# ruff: noqa: E501
"""Recall and false positives of redaction on generated text, as JSON: ``python evaluation/redaction_corpus.py [SEED]``.

Secrets are random characters in the form that each vendor documents; of harmless text only the numbers are random.
"""

import base64
import json
import random
import string
import sys
from collections import Counter
from collections.abc import Iterator

from reverie.sessions.redaction import Redactor

HEX = "0123456789abcdef"
BASE62 = string.ascii_letters + string.digits
BASE64 = BASE62 + "+/"
URL_SAFE = BASE62 + "-_"
UPPER = string.ascii_uppercase + string.digits
SAMPLES = 20

TOKENS = """
ANTHROPIC_KEY sk-ant-api03- u 93|OPENROUTER_KEY sk-or-v1- h 64|OPENAI_KEY sk-proj- u 120|OPENAI_KEY sk-svcacct- u 120
OPENAI_KEY sk- b 48|GROQ_KEY gsk_ b 52|XAI_KEY xai- b 80|PERPLEXITY_KEY pplx- b 48|REPLICATE_TOKEN r8_ b 37
HUGGINGFACE_TOKEN hf_ b 34|TOGETHER_KEY tgp_v1_ u 43|NVIDIA_KEY nvapi- u 64|TAVILY_KEY tvly- b 32|PINECONE_KEY pcsk_ u 60
LANGSMITH_KEY lsv2_pt_ h 32|GOOGLE_KEY AIza u 35|GOOGLE_CLIENT_SECRET GOCSPX- u 28|GOOGLE_TOKEN ya29. u 120
GOOGLE_REFRESH_TOKEN 1//0 u 90|AWS_KEY AKIA k 16|AWS_KEY ASIA k 16|BEDROCK_KEY ABSK s 120|ALIBABA_KEY LTAI b 20
DIGITALOCEAN_TOKEN dop_v1_ h 64|HEROKU_KEY HRKU-AA u 58|FLYIO_TOKEN fo1_ u 43|VERCEL_TOKEN vcp_ b 56|NETLIFY_TOKEN nfp_ b 36
GITHUB_TOKEN ghp_ b 36|GITHUB_TOKEN gho_ b 36|GITHUB_TOKEN ghs_ b 36|GITHUB_TOKEN github_pat_ b 82|GITLAB_TOKEN glpat- u 20
BITBUCKET_TOKEN ATBB b 32|ATLASSIAN_TOKEN ATATT3 u 186|NPM_TOKEN npm_ b 36|PYPI_TOKEN pypi-AgE u 150|CRATES_TOKEN cio b 32
RUBYGEMS_TOKEN rubygems_ h 48|DOCKER_TOKEN dckr_pat_ u 27|VAULT_TOKEN hvs. u 95|DOPPLER_TOKEN dp.pt. b 43|PULUMI_TOKEN pul- h 40
SUPABASE_TOKEN sbp_ h 40|SUPABASE_KEY sb_secret_ u 31|PLANETSCALE_TOKEN pscale_tkn_ u 43|NEON_KEY napi_ b 64
DATABRICKS_TOKEN dapi h 32|NOTION_TOKEN ntn_ b 46|LINEAR_KEY lin_api_ b 40|FIGMA_TOKEN figd_ u 40|SHOPIFY_TOKEN shpat_ h 32
STRIPE_KEY sk_live_ b 24|STRIPE_KEY rk_test_ b 24|STRIPE_WEBHOOK_SECRET whsec_ b 32|SQUARE_TOKEN sq0csp- u 43
SENDGRID_KEY SG. b 22.43|MAILGUN_KEY key- h 32|BREVO_KEY xkeysib- h 64|RESEND_KEY re_ b 32|SLACK_TOKEN xoxb- d 12-24
SLACK_TOKEN xapp-1- k 40|HUBSPOT_KEY pat-na1- h 36|NEW_RELIC_KEY NRAK- k 27|SENTRY_TOKEN sntryu_ h 64|GRAFANA_TOKEN glsa_ b 41
POSTHOG_KEY phx_ b 43|DYNATRACE_TOKEN dt0c01. k 24.64|CIRCLECI_TOKEN CCIPAT_ b 60|TAILSCALE_KEY tskey-auth- b 32
POSTMAN_KEY PMAK- h 24-34|AGE_KEY AGE-SECRET-KEY-1 k 58|FRAMEIO_TOKEN fio-u- u 64|DUFFEL_TOKEN duffel_live_ u 43
PREFECT_TOKEN pnu_ b 36|ARTIFACTORY_KEY AKCp b 69|OPENSHIFT_TOKEN sha256~ u 43|TYPEFORM_TOKEN tfp_ u 59|EASYPOST_KEY EZAK b 54
"""
CONTEXTS = r"""
MISTRAL_KEY|MISTRAL_API_KEY=@b32
COHERE_KEY|cohere api key: "@b40"
DATADOG_KEY|DATADOG_API_KEY=@h32
PAGERDUTY_TOKEN|PAGERDUTY_TOKEN="u+@b18"
WANDB_KEY|WANDB_API_KEY=@h40
AZURE_KEY|DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=@s86==;EndpointSuffix=core.windows.net
AZURE_KEY|Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=@s43=
AZURE_CLIENT_SECRET|client secret @u2x8Q~@b32
AZURE_SIGNATURE|https://shop.blob.core.windows.net/a?sv=2022-11-02&se=2030-01-01&sig=@b43%3D
AWS_SIGNATURE|https://b.s3.amazonaws.com/k?X-Amz-Expires=300&X-Amz-Signature=@h64
GOOGLE_SIGNATURE|https://storage.googleapis.com/b/o?X-Goog-Expires=9&X-Goog-Signature=@h128
AWS_SECRET|aws_secret_access_key = @s40
TWILIO_KEY|account AC@h32 now
DISCORD_TOKEN|bot token M@b25.@b6.@b38
DISCORD_WEBHOOK|https://discord.com/api/webhooks/123456789012345678/@u68
SLACK_WEBHOOK|https://hooks.slack.com/services/T0ABCDEFG/B0ABCDEFG/@b24
TEAMS_WEBHOOK|https://shop.webhook.office.com/webhookb2/@h32/IncomingWebhook/@h32/@h32
TELEGRAM_TOKEN|bot 123456789:AA@u33 is live
MAILCHIMP_KEY|mailchimp @h32-us12
TERRAFORM_TOKEN|token @b14.atlasv1.@b67
SENTRY_DSN|dsn https://@h32@o12.ingest.sentry.io/42
JWT|jwt eyJhbGciOiJIUzI1NiJ9.eyJ@b40.@u43
BEARER_TOKEN|curl -H "Authorization: Bearer @b40" https://x.example
BASIC_AUTH|Authorization: Basic @b30==
AUTHORIZATION|Authorization: token @h40
AUTHORIZATION|Authorization: ApiKey @b32
URL_PASSWORD|redis://:@b16@cache.example:6379/0
URL_PASSWORD|amqps://ada:@b16@mq.example/vhost
COOKIE|Cookie: theme=dark; session=@b32
COOKIE|Set-Cookie: sid=@b32; Path=/; HttpOnly
PASSWORD_ARGUMENT|curl -u ada:@b14 https://x.example
PASSWORD_ARGUMENT|mysql -h db -u root -p@b12 shop
PASSWORD_ARGUMENT|sshpass -p '@b12' ssh ada@host
PASSWORD_ARGUMENT|redis-cli -h cache -a @b16 ping
SECRET|PGPASSWORD=@b14 psql -h db
SECRET|tool --password @b11x7 --verbose
SECRET|{"password": "@b12"}
SECRET|db:\n  password: @b11x7
SECRET|Passwort: @b11x7
SECRET|mot de passe : @b11x7
SECRET|contraseña: @b11x7
SECRET|senha: @b11x7
SECRET|密码：@b11x7
SECRET|パスワード: @b11x7
SECRET|пароль: @b11x7
PRIVATE_KEY|-----BEGIN PRIVATE KEY-----\n@s64\n@s64\n-----END PRIVATE KEY-----
PHONE|Tel.: 030 @d7 ab neun
PHONE|手机 138@d8
PHONE|téléphone : 01 42 @d2 @d2 @d2
PHONE|телефон: 8 912 @d3 @d2 @d2
"""
HARMLESS = """
see 4.2.1.@d1 below|section 3.1.4.@d1|upgraded to 2.9.@d1.3|kernel 5.15.0.@d2|pages 100-200-3@d3|lines 200-300-4@d3
cell: 12@d6 rows|mobile: 12@d6 users|order 123-45-6@d3|part no. 123-45-6@d3|ticket 123-45-6@d3|id 4@d15|id 4@d18|task 51@d14
job 6011@d15|commit @h40|sha256 @h64|uuid @h8-@h4-4@h3-a@h3-@h12|md5 @h32|call_@b24|toolu_01@b22|msg_01@b22
request req_@b24|trace @h32|etag "@h32"|password is required8|$ pwd: /home/ada/p@d2|sk-learn-contrib-extension-@d2-beta-release
hf_transfer_enabled_for_downloads_@d2|npm_config_registry_mirror_setting_@d2|api_key=YOUR_API_KEY_@d2|token: <token@d1>
secret=${SECRET_@d1}|password: xxxxxxxx|password=changeme|PASSWORD=$DB_PASSWORD|password: string|getToken(user@d2)
max_tokens: 40@d2|token count 12@d4|2024-05-15 10:00:@d2|1715773800@d3|Chrome/120.0.0.@d1|192.168.1.@d1
$1,234.@d2|zip 94103-1@d3|ISBN 978-3-16-148@d3-0|data:image/png;base64,iVBORw0KGgo@s60|primary_key = 12345@d3|10 20 30@d1
"""


def _filled(template: str, chance: random.Random) -> tuple[str, list[str]]:
    """The template with random characters, and what was put in."""
    alphabets = {"b": BASE62, "h": HEX, "s": BASE64, "u": URL_SAFE, "k": UPPER, "d": string.digits}
    parts = template.replace("\\n", "\n").split("@")
    text, planted = parts[0], []
    for part in parts[1:]:
        digits = "".join(iter_digits(part[1:]))
        if part[:1] not in alphabets or not digits:
            text += "@" + part
            continue
        planted.append("".join(chance.choices(alphabets[part[0]], k=int(digits))))
        text += planted[-1] + part[1 + len(digits) :]
    return text, planted


def iter_digits(text: str) -> Iterator[str]:
    for character in text:
        if not character.isdigit():
            return
        yield character


def secrets() -> Iterator[tuple[str, str]]:
    """Kinds and templates."""
    for token in TOKENS.replace("\n", "|").strip("|").split("|"):
        kind, prefix, alphabet, length = token.split()
        lengths = length.replace(".", "-").split("-")
        joint = "." if "." in length else "-"
        yield kind, "the key is " + prefix + joint.join(f"@{alphabet}{part}" for part in lengths) + " today"
    for line in CONTEXTS.strip().splitlines():
        kind, template = line.split("|", 1)
        yield kind, template


def disguised(kind: str, value: str) -> Iterator[tuple[str, str]]:
    """One token in the disguises that redaction sees through."""
    half = len(value) // 2
    yield f"{kind} with a zero-width character", value[:half] + "\u200b" + value[half:]
    yield f"{kind} in base64", base64.b64encode(value.encode()).decode()
    yield f"{kind} over two lines", value[:half] + "\n  " + value[half:]
    yield f"{kind} in two literals", f'"{value[:half]}" + "{value[half:]}"'


def measured(seed: int) -> dict[str, dict[str, list[float]]]:
    """By template: the share of samples of which nothing is left, with the right kind; and of harmless ones changed."""
    chance, redactor = random.Random(seed), Redactor(b"key")
    found: dict[str, list[float]] = {}
    for kind, template in secrets():
        gone = right = 0
        for _ in range(SAMPLES):
            text, planted = _filled(template, chance)
            counts: Counter[str] = Counter()
            redacted = redactor.text(text, counts)
            gone += not any(value in redacted for value in planted if len(value) > 5)
            right += kind in counts
        found[f"{kind}: {template}"] = [gone / SAMPLES, right / SAMPLES]
    for _ in range(SAMPLES):
        value = "ghp_" + "".join(chance.choices(BASE62, k=36))
        for name, text in disguised("GITHUB_TOKEN", value):
            counts = Counter()
            redacted = redactor.text(f"use {text} here", counts)
            score = found.setdefault(name, [0.0, 0.0])
            score[0] += (
                value[:20] not in redacted and value[20:] not in redacted and redacted.count("[") > 0
            ) / SAMPLES
            score[1] += ("GITHUB_TOKEN" in counts) / SAMPLES
    changed: dict[str, list[float]] = {}
    for template in HARMLESS.replace("\n", "|").strip("|").split("|"):
        texts = [_filled(template, chance)[0] for _ in range(SAMPLES)]
        changed[template] = [sum(redactor.text(text, Counter()) != text for text in texts) / SAMPLES]
    return {"secrets": found, "harmless": changed}


def main(seed: int = 1) -> None:
    result = measured(seed)
    kinds, harmless = result["secrets"], result["harmless"]
    summary = {
        "kinds": len(kinds),
        "recall": sum(gone for gone, _ in kinds.values()) / len(kinds),
        "named_right": sum(right for _, right in kinds.values()) / len(kinds),
        "harmless": len(harmless),
        "false_positives": sum(share for (share,) in harmless.values()) / len(harmless),
        "missed": {name: score for name, score in kinds.items() if min(score) < 0.999},
        "taken": {name: share for name, (share,) in harmless.items() if share},
    }
    sys.stdout.write(json.dumps(summary, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
