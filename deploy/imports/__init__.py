"""History from elsewhere: a web server's access log becomes clicks, at their own times, once."""
