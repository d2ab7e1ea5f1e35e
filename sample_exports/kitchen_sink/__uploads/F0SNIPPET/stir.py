def stir():
    return "done"
