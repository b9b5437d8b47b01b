"""The staging machine: DNS, NTP, files and a registry for a site whose laptop has left."""
