"""Association: which detections, over all views and frames of a take, are one and the same person."""

from diffproxy.association.associate import associate
from diffproxy.association.config import AssociationConfig
from diffproxy.association.people import Association, OneViewPerson, Person

__all__ = ["Association", "AssociationConfig", "OneViewPerson", "Person", "associate"]
