"""Language models as a source of proposals: any server that speaks the chat protocol of OpenAI, from tiny to frontier.

An answer is text for `programs.parse`, by way of `reading`; nothing executes it. Read in this order:

- `exchange`: the question, the answer, its repair, the critic, and what may become of all that.
- `prompts` fills the files of `discovery/prompts`; `briefing` decides what is asked; `knowledge`, `feedback` and
  `insights` are what prompts can say about a run.
- `listing` and `edits`: rules by numbered lines, and commands that change them; `reading`: from an answer to a program.
- `grammar` and `schema`: what a server is told that an answer may be, made from the table of operations and a parent.
- `post`: exchanges in flight, in a thread of their own; `client`: one call, whatever the server does; `breaker`:
  servers that are gone; `keys`: where keys come from, and that they stay there.
- `credit`: shares of models and prompts; `spending`: prices and limits; `forecast`: what a run will come to;
  `accounting`: what became of every call, and how well a critic predicts.
- `replay`: answers out of an archive, in place of a server.
- `local`: a small model served on this machine; `study`: larger ones, for studies.

The emitter that uses all this is `discovery.emitters.llm`.
"""
