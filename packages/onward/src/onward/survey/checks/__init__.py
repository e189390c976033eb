"""All checks of a cloud: the table of Onward's own, a site's plug-ins, and what runs them side by side."""
