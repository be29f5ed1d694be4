"""Erasure: what is stored of one link, domain, recipient or visitor is deleted, and the ledger still adds up."""
