"""Renders of others with SMPL-X parameters as shards: BEDLAM's and SynBody's layouts."""
