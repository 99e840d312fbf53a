# table: effects against the baseline, intervals, verdicts


localrules:
    make_table,


rule make_table:
    input:
        scores=[f"{run_of(row, seed)}/scores.csv" for row, seed in PLAN.rows()],
        records=[f"{run_of(arm, PLAN.study.seeds[0])}/train.json" for arm in PLAN.arms],
        prompts=f"{STUDY}/prompts.csv",
    output:
        csv=f"{STUDY}/table.csv",
        parquet=f"{STUDY}/table.parquet",
        md=f"{STUDY}/table.md",
        json=f"{STUDY}/table.json",
    log:
        f"logs/{PLAN.study.study}/make_table.log",
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        settings=canonical(settings_json(PLAN.study.table)),
        study=PLAN.table(),
        root=subpath(output.csv, parent=True),
        code=code_identity("make_table.py"),
    message:
        "making the table"
    shell:
        'python "$MELABLATE_SCRIPTS"/make_table.py --settings {params.settings:q} --study {params.study:q}'
        " --scores-root {params.root:q}/arms --prompts {input.prompts:q} --out-csv {output.csv:q} --out-parquet {output.parquet:q}"
        " --out-md {output.md:q} --out-json {output.json:q} 2>&1 | tee {log:q}"
