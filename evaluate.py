"""Errors of the whole pipeline on subjects whose body is known. `python evaluate.py --help` lists every option."""

from diffproxy.commands import evaluate

if __name__ == "__main__":
    evaluate()
