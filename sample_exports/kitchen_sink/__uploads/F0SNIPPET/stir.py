def stir():
    return 'done'
