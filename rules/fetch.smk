# fetch: data sets and models, from the network; no other stage asks for it or has one


localrules:
    fetch,


# Without output: what is there and right is known by checksum, and nothing may delete it.
rule fetch:
    log:
        "logs/fetch.log",
    conda:
        "../envs/fetch.yaml"
    params:
        settings=lambda w: canonical(PLAN.study.fetch.model_dump(mode="json")),
        assets=lambda w: assets_of_study(),
        lacking=lambda w: lacking_assets(),
    message:
        "{params.lacking}"
    shell:
        'python "$MELABLATE_SCRIPTS"/fetch_assets.py --settings {params.settings:q}'
        " --assets {params.assets:q} 2>&1 | tee {log:q}"
