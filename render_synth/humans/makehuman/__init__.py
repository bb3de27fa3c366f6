"""Garments, hair and skins from asset folders in MakeHuman layout."""
