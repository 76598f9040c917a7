"""A manifest, and what of it bears a lease's label."""

MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
apiVersion: v1
kind: Secret
metadata: {name: login, labels: {app: web}}
stringData: {password: not-for-the-ledger}
---
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "web:1"}]}
"""
ALL = ["ConfigMap settings", "Deployment web", "Secret login"]


def names(objects):
    return [(one.kind, one["metadata"]["name"]) for one in objects]
