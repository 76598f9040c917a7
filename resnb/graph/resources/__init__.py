"""Resource managers of every accepted form, and the scopes in which a flow uses them."""
