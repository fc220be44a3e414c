"""The installation demo: install, upgrade, failover, rollback, uninstall, and back again.

A scripted session with Helm on the sandbox. There is no kubelet: the operator's Pods are processes
with the environment that the chart rendered and the token of the chart's ServiceAccount.
"""
