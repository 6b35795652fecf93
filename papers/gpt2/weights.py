"""stub until merge"""
