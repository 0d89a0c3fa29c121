"""Sign-in with a provider, for the settings page and GraphiQL: plain modules on oauth4webapi."""
