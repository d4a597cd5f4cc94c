"""Other assistants, as their public code says → what they would ask of the same model, and show of its answer.

Each builds its own prompt, which runs on our engine with nothing of ours applied. All are asked greedily, with no time
limit and no cache, as every other arm is, whatever temperature and limits they have themselves.
"""
