# export: the study's images as a folder with captions, for other trainers


rule export_images:
    input:
        prompt_images(),
    output:
        directory(f"{STUDY}/export"),
    log:
        f"logs/{PLAN.study.study}/export_images.log",
    conda:
        "../envs/melablate.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=canonical(PLAN.study.export.model_dump(mode="json")),
        code=code_identity("export_images.py"),
    message:
        "exporting images with captions"
    shell:
        'python "$MELABLATE_SCRIPTS"/export_images.py --settings {params.settings:q} --images {input:q}'
        " --out {output:q} 2>&1 | tee {log:q}"
