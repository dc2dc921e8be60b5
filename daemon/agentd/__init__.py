"""agentd, floor by floor; imports point down and neighbours do not know each other.

9  __main__  cli               the `agentd` program
8  app                         builds everything, once; the only file that knows all the parts
7  lifecycle  server           signals and readiness; the wire
7  services                    the bundle of parts that handlers are given
5  turn                        the loop: a pure machine and its runner
4  tools  context              what the model can do; what the model sees
3  session  policy  sandbox  providers
2  config  telemetry
1  world  errors               the one door to time, chance and the outside

No name is re-exported here: import from the room that owns it.
"""

__all__: list[str] = []
