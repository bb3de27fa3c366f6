from render_synth.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
