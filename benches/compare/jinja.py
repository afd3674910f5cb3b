"""The job of Jinja2, as a process of its own: `python jinja.py POLICIES.json FOLDER`.

In: what the policies of each namespace hold, as JSON. Out: a file for each namespace, rendered from one template.
"""

import json
import pathlib
import sys

import jinja2

TEMPLATE = """\
{% macro labels(selector, indent) %}
{% for key, value in selector.items() %}
{{ " " * indent }}{{ key }}: {{ value | tojson }}
{% endfor %}
{% endmacro %}
{% macro selected(selector, indent) %}
{% if selector.get("matchLabels") %}
{{ " " * indent }}matchLabels:
{{ labels(selector.matchLabels, indent + 2) -}}
{% endif %}
{% if selector.get("matchExpressions") %}
{{ " " * indent }}matchExpressions:
{% for expression in selector.matchExpressions %}
{{ " " * indent }}  - key: {{ expression.key | tojson }}
{{ " " * indent }}    operator: {{ expression.operator }}
{% if expression.get("values") %}
{{ " " * indent }}    values: {{ expression["values"] | tojson }}
{% endif %}
{% endfor %}
{% endif %}
{% endmacro %}
{% macro rules(word, peers, rules) %}
  {{ word }}:
{% for rule in rules %}
    - {{ peers }}:
{% for peer in rule[peers] %}
{% if peer.get("ipBlock") %}
        - ipBlock:
            cidr: {{ peer.ipBlock.cidr }}
{% if peer.ipBlock.get("except") %}
            except: {{ peer.ipBlock["except"] | tojson }}
{% endif %}
{% else %}
        - namespaceSelector:
{{ selected(peer.namespaceSelector, 12) -}}
{% if "podSelector" in peer %}
          podSelector:
{{ selected(peer.podSelector, 12) -}}
{% endif %}
{% endif %}
{% endfor %}
{% if rule.get("ports") %}
      ports:
{% for port in rule.ports %}
        - protocol: {{ port.protocol }}
          port: {{ port.port }}
{% if port.get("endPort") %}
          endPort: {{ port.endPort }}
{% endif %}
{% endfor %}
{% endif %}
{% endfor %}
{% endmacro %}
{% for policy in policies %}
---
apiVersion: {{ policy.apiVersion }}
kind: {{ policy.kind }}
metadata:
  name: {{ policy.metadata.name }}
  namespace: {{ policy.metadata.namespace }}
  labels:
{{ labels(policy.metadata.labels, 4) -}}
{% if policy.metadata.get("annotations") %}
  annotations:
{{ labels(policy.metadata.annotations, 4) -}}
{% endif %}
spec:
{% if policy.spec.podSelector %}
  podSelector:
{{ selected(policy.spec.podSelector, 4) -}}
{% else %}
  podSelector: {}
{% endif %}
  policyTypes: {{ policy.spec.policyTypes | tojson }}
{% if policy.spec.get("ingress") %}
{{ rules("ingress", "from", policy.spec.ingress) -}}
{% endif %}
{% if policy.spec.get("egress") %}
{{ rules("egress", "to", policy.spec.egress) -}}
{% endif %}
{% endfor %}
"""


def main():
    given, out = map(pathlib.Path, sys.argv[1:])
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE)
    for path, policies in json.loads(given.read_text()).items():
        file = out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(template.render(policies=policies))


main()
