"""The site: settings, addresses, sign-in, base templates, design, languages."""
