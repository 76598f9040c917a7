"""The look inside a task or a resource: state, logs, value, lease; all of it bounded."""
