"""The vendors' servers and the customers' phones, played on loopback. Nothing of the product is imported here."""
