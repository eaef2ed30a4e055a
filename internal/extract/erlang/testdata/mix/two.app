{application,two,
             [{applications,[kernel,stdlib,elixir,logger,one]},
              {description,"two"},
              {modules,['Elixir.Two']},
              {registered,[]},
              {vsn,"0.1.0"}]}.
