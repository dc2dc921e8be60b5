"""`agentctl sessions`: a file for each verb (`listing` ... `verifying`), and beside them what several verbs need: `naming`
(which session or turn a person means), `turns` (what turns a session shows), `family`, `steps`, `timeline`, `hits`,
`reverts`, `contest` (how things look; pure), `paging` and `scratch` (what they are made from)."""

__all__: list[str] = []
