from tools.bake_body.bake import main

main()
